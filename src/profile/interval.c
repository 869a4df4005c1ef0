#include "profile/interval.h"

#include <float.h>
#include <math.h>

/* From here on the expansion for large shapes has more digits than a sum has. */
#define LARGE_SHAPE 1e5
#define LARGE_DEGREES 1e6
#define RATIO_SHAPE_MAX 1e8

/* Continued fractions and sums of the largest arguments take some 30000 terms. */
#define TERMS_MAX 1000000
#define STEPS_MAX 200

/* --- Roots
 * -------------------------------------------------------------------------------------- */

/* A monotone function of one variable, and what else it depends on. */
struct root_function {
    double (*value)(double at, const struct root_function *function);
    double a, b;   /* parameters of the distribution */
    double target; /* logarithm of the probability that is looked for */
};

/* Where the next look goes, as a share of the way from `at` to `other`: by the inverse parabola
 * through the last three points where that is safe, else the middle. T. R. Chandrupatla (Advances
 * in Engineering Software 28, 1997). */
static double
root_share(double at, double value, double other, double other_value, double third,
           double third_value)
{
    double xi = (at - other) / (third - other);
    double phi = (value - other_value) / (third_value - other_value);

    if (!(phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi))
        return 0.5;
    return value / (other_value - value) * third_value / (other_value - third_value) +
           (third - at) / (other - at) * value / (third_value - value) * other_value /
               (third_value - other_value);
}

/* The root between two points where the function has different signs. */
static double
root_between(const struct root_function *function, double at, double other)
{
    double value = function->value(at, function);
    double other_value = function->value(other, function);
    double share = 0.5;

    for (int step = 0; step < STEPS_MAX; step++) {
        double next = at + share * (other - at);
        double next_value = function->value(next, function);
        double third = at, third_value = value;
        double best, least;

        if ((next_value > 0) != (value > 0)) {
            third = other;
            third_value = other_value;
            other = at;
            other_value = value;
        }
        at = next;
        value = next_value;
        best = fabs(value) < fabs(other_value) ? at : other;
        least = (DBL_EPSILON * fabs(best) + DBL_MIN) / fabs(other - at);
        if (value == 0 || least > 0.5)
            return best;
        share = root_share(at, value, other, other_value, third, third_value);
        share = fmin(fmax(share, least), 1 - least);
    }
    return at;
}

/* The root of a function that grows, looked for around `near`. */
static double
root_around(const struct root_function *function, double near)
{
    double step = 0.25;
    double low = near, high = near;

    if (function->value(near, function) > 0) {
        do {
            high = low;
            low -= step;
            step *= 2;
        } while (function->value(low, function) > 0 && step < DBL_MAX / 4);
    } else {
        do {
            low = high;
            high += step;
            step *= 2;
        } while (function->value(high, function) < 0 && step < DBL_MAX / 4);
    }
    return root_between(function, low, high);
}

/* --- Normal
 * ------------------------------------------------------------------------------------- */

/* z with P(Z > z) = tail, for tail <= 1/2. */
static double
normal_upper(double tail)
{
    /* 26.2.23 of Abramowitz and Stegun, good to 4.5e-4; each step of Halley triples the digits. */
    double t = sqrt(-2 * log(tail));
    double z = t - ((0.010328 * t + 0.802853) * t + 2.515517) /
                       (((0.001308 * t + 0.189269) * t + 1.432788) * t + 1);

    for (int step = 0; step < 3; step++) {
        double upper = 0.5 * erfc(z * M_SQRT1_2);
        double density = exp(-z * z / 2) * M_SQRT1_2 * M_2_SQRTPI / 2;
        double correction;

        if (!(upper > DBL_MIN && density > DBL_MIN))
            break;
        correction = (upper - tail) / density;
        z += correction / (1 + z * correction / 2);
    }
    return z;
}

double
wp_quantile_normal(double p)
{
    if (!(p > 0 && p < 1))
        return NAN;
    if (p == 0.5)
        return 0;
    return p < 0.5 ? -normal_upper(p) : normal_upper(1 - p);
}

/* --- Gamma
 * -------------------------------------------------------------------------------------- */

/* ln Gamma(a) - ((a - 1/2) ln a - a + ln(2 pi) / 2), for a >= 10. */
static double
stirling_rest(double a)
{
    double square = 1 / (a * a);

    return (1.0 / 12 -
            square * (1.0 / 360 -
                      square * (1.0 / 1260 -
                                square * (1.0 / 1680 -
                                          square * (1.0 / 1188 - square * 691.0 / 360360))))) /
           a;
}

/* ln of x^a e^-x / Gamma(a + 1), x = e^at. */
static double
gamma_log_term(double at, double a)
{
    double x = exp(at);
    double off = (x - a) / a;

    if (a < 10)
        return a * at - x - lgamma(a + 1);
    if (fabs(off) > 0.5)
        return a * (at - log(a) - off) - 0.5 * log(2 * M_PI * a) - stirling_rest(a);
    return a * (log1p(off) - off) - 0.5 * log(2 * M_PI * a) - stirling_rest(a);
}

/* P(a, x) over the term above. */
static double
gamma_sum(double x, double a)
{
    double sum = 1, term = 1;

    for (int n = 1; n < TERMS_MAX && term > DBL_EPSILON * sum / 4; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return sum;
}

/* Q(a, x) over the term above, for x > a + 1: Lentz's method. */
static double
gamma_fraction(double x, double a)
{
    double b = x + 1 - a;
    double c = 1 / DBL_MIN, d = 1 / b, value = d;

    for (int n = 1; n < TERMS_MAX; n++) {
        double numerator = -n * (n - a);
        double change;

        b += 2;
        d = numerator * d + b;
        c = b + numerator / c;
        d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
        c = fabs(c) < DBL_MIN ? DBL_MIN : c;
        change = d * c;
        value *= change;
        if (fabs(change - 1) < DBL_EPSILON)
            break;
    }
    return a * value;
}

/* ln P or ln Q of the incomplete gamma function at x = e^at. */
static double
gamma_log(double at, double a, bool upper)
{
    double x = exp(at);
    double term = gamma_log_term(at, a);
    bool summed = x < a + 1;
    double log_share = term + log(summed ? gamma_sum(x, a) : gamma_fraction(x, a));

    if (upper != summed)
        return log_share;
    return log_share >= 0 ? -DBL_MAX : log1p(-exp(log_share));
}

static double
gamma_lower_misses(double at, const struct root_function *function)
{
    return gamma_log(at, function->a, false) - function->target;
}

static double
gamma_upper_misses(double at, const struct root_function *function)
{
    return function->target - gamma_log(at, function->a, true);
}

/* N. M. Temme (Mathematics of Computation 58, 1992): the quantile as that of a normal variable eta,
 * corrected in powers of 1 / shape. */
static double
gamma_quantile_large(double p, double shape)
{
    double eta = wp_quantile_normal(p) / sqrt(shape);
    double first =
        -1.0 / 3 +
        eta * (1.0 / 36 + eta * (1.0 / 1620 +
                                 eta * (-7.0 / 6480 + eta * (5.0 / 18144 - eta * 11.0 / 382725))));
    double second = -7.0 / 405 + eta * (-7.0 / 2592 + eta * 533.0 / 204120);

    eta += (first + second / shape) / shape;
    return shape +
           shape * eta *
               (1 + eta * (1.0 / 3 +
                           eta * (1.0 / 36 +
                                  eta * (-1.0 / 270 +
                                         eta * (1.0 / 4320 +
                                                eta * (1.0 / 17010 - eta * 139.0 / 5443200))))));
}

double
wp_quantile_gamma(double p, double shape)
{
    struct root_function function = {.a = shape};
    double cube;

    if (!(p > 0 && p < 1 && shape > 0 && shape < INFINITY))
        return NAN;
    if (shape > LARGE_SHAPE)
        return gamma_quantile_large(p, shape);
    function.value = p <= 0.5 ? gamma_lower_misses : gamma_upper_misses;
    function.target = p <= 0.5 ? log(p) : log1p(-p);
    /* The cube root is nearly normal (Wilson and Hilferty, 1931). */
    cube = 1 - 1 / (9 * shape) + wp_quantile_normal(p) / (3 * sqrt(shape));
    if (shape > 1 && cube > 0.1)
        return exp(root_around(&function, log(shape) + 3 * log(cube)));
    return exp(root_around(&function, (log(p) + lgamma(shape + 1)) / shape));
}

/* --- Beta
 * --------------------------------------------------------------------------------------- */

static double
beta_log(double a, double b)
{
    double large = fmax(a, b);
    double small = fmin(a, b);

    if (large < 20)
        return lgamma(a) + lgamma(b) - lgamma(a + b);
    /* Differences of lgamma of large numbers have no digits left. */
    return lgamma(small) - ((large - 0.5) * log1p(small / large) + small * log(large + small) -
                            small + stirling_rest(large + small) - stirling_rest(large));
}

/* The continued fraction of the incomplete beta function, for x < (a + 1) / (a + b + 2). */
static double
beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    double value;

    d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
    value = d;
    for (int n = 1; n < TERMS_MAX; n++) {
        double numerator = n * (b - n) * x / ((a + 2 * n - 1) * (a + 2 * n));
        double change;

        for (int half = 0; half < 2; half++) {
            d = 1 + numerator * d;
            c = 1 + numerator / c;
            d = 1 / (fabs(d) < DBL_MIN ? DBL_MIN : d);
            c = fabs(c) < DBL_MIN ? DBL_MIN : c;
            change = d * c;
            value *= change;
            numerator = -(a + n) * (a + b + n) * x / ((a + 2 * n) * (a + 2 * n + 1));
        }
        if (fabs(change - 1) < DBL_EPSILON)
            break;
    }
    return value;
}

/* ln I_x(a, b), or ln of 1 - I_x(a, b), at x = odds / (1 + odds), odds = e^log_odds. */
static double
beta_log_share(double log_odds, double a, double b, bool upper)
{
    double log_x = log_odds > 0 ? -log1p(exp(-log_odds)) : log_odds - log1p(exp(log_odds));
    double log_y = log_odds > 0 ? -log_odds - log1p(exp(-log_odds)) : -log1p(exp(log_odds));
    double log_term = a * log_x + b * log_y - beta_log(a, b);
    bool lower_known = exp(log_x) < (a + 1) / (a + b + 2);
    double log_share = log_term + (lower_known ? log(beta_fraction(exp(log_x), a, b) / a)
                                               : log(beta_fraction(exp(log_y), b, a) / b));

    if (lower_known != upper)
        return log_share;
    return log_share >= 0 ? -DBL_MAX : log1p(-exp(log_share));
}

static double
beta_upper_misses(double log_odds, const struct root_function *function)
{
    return function->target - beta_log_share(log_odds, function->a, function->b, true);
}

static double
beta_lower_misses(double log_odds, const struct root_function *function)
{
    return beta_log_share(log_odds, function->a, function->b, false) - function->target;
}

/* --- Student
 * ------------------------------------------------------------------------------------ */

/* D. P. Gaver and K. Kafadar (The American Statistician 38, 1984): z is normal for
 * z^2 = ln(1 + t^2 / degrees) / scale, to an order of degrees^-3. */
static double
student_scale(double degrees)
{
    return (degrees - 1.5) / ((degrees - 1) * (degrees - 1));
}

double
wp_tail_student(double t, double degrees)
{
    double tail;

    if (!(degrees > 0) || isnan(t))
        return NAN;
    if (t == 0)
        return 0.5;
    if (isinf(degrees))
        return 0.5 * erfc(t * M_SQRT1_2);
    if (degrees > LARGE_DEGREES) {
        double z = sqrt(log1p(t * t / degrees) / student_scale(degrees));

        return 0.5 * erfc(copysign(z, t) * M_SQRT1_2);
    }
    tail = isinf(t)
               ? 0
               : 0.5 * exp(beta_log_share(2 * log(fabs(t)) - log(degrees), 0.5, degrees / 2, true));
    return t > 0 ? tail : 1 - tail;
}

/* t with P(T > t) = tail, for tail < 1/2. */
static double
student_upper(double tail, double degrees)
{
    struct root_function function = {.a = 0.5, .b = degrees / 2};
    double log_odds;

    if (degrees > LARGE_DEGREES) {
        double z = normal_upper(tail);

        return sqrt(degrees * expm1(z * z * student_scale(degrees)));
    }
    /* What is closer to 0 has the digits. */
    function.value = tail < 0.25 ? beta_upper_misses : beta_lower_misses;
    function.target = tail < 0.25 ? log(2 * tail) : log1p(-2 * tail);
    log_odds = root_around(&function, 2 * log(normal_upper(tail)) - log(degrees));
    return exp((log_odds + log(degrees)) / 2);
}

double
wp_quantile_student(double p, double degrees)
{
    if (!(p > 0 && p < 1 && degrees > 0))
        return NAN;
    if (p == 0.5)
        return 0;
    if (isinf(degrees))
        return wp_quantile_normal(p);
    return p < 0.5 ? -student_upper(p, degrees) : student_upper(1 - p, degrees);
}

/* --- Ratio of gamma variables
 * ------------------------------------------------------------------- */

double
wp_tail_gamma_ratio(double ratio, double shape_above, double shape_below)
{
    if (!(ratio >= 0 && shape_above > 0 && shape_below > 0))
        return NAN;
    if (ratio == 0 || isinf(ratio))
        return ratio == 0 ? 1 : 0;
    /* A / (A + B) is a beta variable, A / B its odds. */
    return exp(beta_log_share(log(ratio), fmin(shape_above, RATIO_SHAPE_MAX),
                              fmin(shape_below, RATIO_SHAPE_MAX), true));
}

double
wp_quantile_gamma_ratio(double tail, double shape_above, double shape_below)
{
    struct root_function function = {.a = fmin(shape_above, RATIO_SHAPE_MAX),
                                     .b = fmin(shape_below, RATIO_SHAPE_MAX)};

    if (!(tail > 0 && tail < 1 && shape_above > 0 && shape_below > 0))
        return NAN;
    function.value = tail < 0.5 ? beta_upper_misses : beta_lower_misses;
    function.target = tail < 0.5 ? log(tail) : log1p(-tail);
    return exp(root_around(&function, log(function.a) - log(function.b)));
}

/* --- Delays
 * ------------------------------------------------------------------------------------- */

bool
wp_interval_of_delay_at(double confidence, double delay_ns, double variance, double samples,
                        struct wp_interval *interval)
{
    double tail = (1 - confidence) / 2;
    double events, weight;

    if (!(samples >= 2 && delay_ns > 0 && variance >= 0 && tail > 0))
        return false;
    *interval = (struct wp_interval){delay_ns, delay_ns};
    if (variance == 0)
        return true;
    /* At most as many as were kept: of waits longer than the rate, which are certain, delay is
     * large and variance is not, though the rest may be two samples. */
    events = fmin(samples, delay_ns * delay_ns / variance);
    weight = sqrt(variance / events);
    interval->low = fmax(0, delay_ns - weight * (events - wp_quantile_gamma(tail, events)));
    interval->high = delay_ns + weight * (wp_quantile_gamma(1 - tail, events + 1) - events);
    return true;
}

bool
wp_interval_of_delay(double delay_ns, double variance, double samples, struct wp_interval *interval)
{
    return wp_interval_of_delay_at(WP_INTERVAL_CONFIDENCE, delay_ns, variance, samples, interval);
}
