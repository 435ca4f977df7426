/* SPDX-License-Identifier: Apache-2.0
 * Every kernel of the reference backend for double. The twin file differs in these two macros alone. */
#include "ref.h"
#include <ludwig/random.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define REAL    double
#define NAME(x) x##_f64

#include "kernels_linear.inc.h" /* first: its dot product serves the others */
#include "kernels_elementwise.inc.h"
#include "kernels_move.inc.h"
#include "kernels_norm.inc.h"
#include "kernels_attention.inc.h"
#include "kernels_segment.inc.h"
#include "kernels_xent.inc.h"
#include "kernels_optimizer.inc.h"
