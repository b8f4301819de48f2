#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The coefficients of include/stator/kernel/math/: minimax approximations by Remez' exchange algorithm.

usage: minimax.py [NAME...]      prints the coefficients as C++ hexadecimal numbers, lowest power first, and the
                                 largest relative error before the roundings of an evaluation.

A fit minimises the largest |f(x) - sum c_j x^j| * weight(x). Coefficients are rounded to the target type one
after the other, lowest power first, and the rest is fitted again each time, so that their roundings are made up
for. A rational fit alternates between the linear problem with the denominators of the step before and the
exchange. Needs mpmath.
"""
import struct
import sys

from mpmath import mp, mpf, cos, erf, erfc, exp, expm1, linspace, log, log1p, lu_solve, matrix, pi, sin, sqrt

mp.dps = 45


def rounded(value, bits):
    """The nearest number with so many bits of mantissa."""
    if bits == 53:
        return mpf(float(value))
    return mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def solve(rows, values, weights):
    """Least squares by the normal equations, in the precision of mp."""
    n = len(rows[0])
    m, r = matrix(n, n), matrix(n, 1)
    for row, v, w in zip(rows, values, weights):
        scaled = [w * x for x in row]
        for i in range(n):
            r[i] += scaled[i] * v
            for j in range(i, n):
                m[i, j] += scaled[i] * row[j]
    for i in range(n):
        for j in range(i):
            m[i, j] = m[j, i]
    return list(lu_solve(m, r))


def grid(a, b, count):
    """Points of [a, b], denser at the ends."""
    return [(a + b) / 2 - (b - a) / 2 * cos(pi * i / (count - 1)) for i in range(count)]


def grid_from_zero(a, b, count):
    """Points of [0, b], much denser at 0."""
    return [b * (mpf(i) / (count - 1))**3 for i in range(count)]


def lawson(f, weight, a, b, powers, below=0, steps=20, points=grid):
    """Numerator coefficients of `powers` and denominator coefficients 1..below (that of power 0 is 1) with nearly
    the least largest error: least squares, again and again with the weights times the errors."""
    xs = points(a, b, 12 * (len(powers) + below))
    values, scale = [f(x) for x in xs], [weight(x) for x in xs]
    powers_of = [[x**p for p in powers] for x in xs]
    importance, q = [mpf(1)] * len(xs), [mpf(1)] * len(xs)
    best = None
    for _ in range(steps):
        rows = [t + [-v * x**j for j in range(1, below + 1)] for t, v, x in zip(powers_of, values, xs)]
        c = solve(rows, values, [i * (s / d)**2 for i, s, d in zip(importance, scale, q)])
        p = [sum(k * y for k, y in zip(c, t)) for t in powers_of]
        q = [1 + sum(k * x**(j + 1) for j, k in enumerate(c[len(powers):])) for x in xs]
        errors = [abs(v - n / d) * s for v, n, d, s in zip(values, p, q, scale)]
        if best is None or max(errors) < best[0]:
            best = max(errors), c
        importance = [i * e for i, e in zip(importance, errors)]
        total = sum(importance) / len(xs)
        importance = [i / total + mpf("1e-4") for i in importance]
    return best[1][:len(powers)], [mpf(1)] + best[1][len(powers):]


def fit(f, weight, a, b, degree, bits, below=0, points=grid):
    """Rounded coefficients 0..degree, those of the denominator if `below` is not 0, and the error that is left."""
    a, b = mpf(a), mpf(b)
    bottom = [mpf(1)]
    if below:  # the denominator first; then the numerator makes up for its roundings
        _, bottom = lawson(f, weight, a, b, list(range(degree + 1)), below, 60, points)
        bottom = [rounded(c, bits) for c in bottom]
    q = lambda x: sum(c * x**j for j, c in enumerate(bottom))
    top, powers = [], list(range(degree + 1))
    while powers:
        rest = lambda x: f(x) * q(x) - sum(c * x**p for p, c in enumerate(top))
        c, _ = lawson(rest, lambda x: weight(x) / q(x), a, b, powers, points=points)
        count = 1 if len(top) < 4 else len(powers)  # the higher ones matter less
        top += [rounded(k, bits) for k in c[:count]]
        powers = powers[count:]
    error = max(abs((f(x) - sum(c * x**p for p, c in enumerate(top)) / q(x)) * weight(x)) for x in points(a, b, 600))
    return (top, bottom, error) if below else (top, error)


def away_from_zero(f, limit):
    """f, with its limit at 0."""
    return lambda x: f(x) if abs(x) > mpf("1e-20") else mpf(limit)


half_ln2 = log(mpf(2)) / 2 * mpf("1.003")  # the reduced argument may go a little over
exp_rest = away_from_zero(lambda x: (exp(x) - 1 - x) / x**2, 0.5)
log_rest = away_from_zero(lambda x: (log1p(x) - x + x**2 / 2) / x**3, mpf(1) / 3)
sin_rest = away_from_zero(lambda z: (sin(sqrt(z)) - sqrt(z)) / sqrt(z)**3, -mpf(1) / 6)
cos_rest = away_from_zero(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24)
# log(1 + f) = 2 atanh(s), s = f / (2 + f); (2 atanh(s) / s - 2) as a polynomial in s^2 times s^2
atanh_rest = away_from_zero(lambda z: (log((1 + sqrt(z)) / (1 - sqrt(z))) / sqrt(z) - 2) / z, mpf(2) / 3)
erf_over_x = away_from_zero(lambda z: erf(sqrt(z)) / sqrt(z), 2 / sqrt(pi))


def erfcx(k):
    """exp(z^2) erfc(z) (z + k) / k as a function of u = (z - k) / (z + k)"""
    def scaled(u):
        z = k * (1 + u) / (1 - u)
        return exp(z * z) * erfc(z) * (z + k)
    return scaled


def erfcx_fit(k, top, degree, bits):
    k, top = mpf(k), mpf(top)
    f = erfcx(k)
    return fit(f, lambda u: 1 / f(u), -1, (top - k) / (top + k), degree, bits)


def normal_tail(t):
    """exp(t^2 / 2) times what is above t of the normal distribution"""
    return exp(t * t / 2) * erfc(t / sqrt(mpf(2))) / 2


quarter_pi_2 = (pi / 4 * mpf("1.003"))**2
sqrt2 = sqrt(mpf(2))
fits = {
    "exp_float": lambda: fit(exp_rest, lambda x: max(abs(x), mpf("0.1")), -half_ln2, half_ln2, 4, 24),
    "exp_double": lambda: fit(exp_rest, lambda x: max(abs(x), mpf("0.1")), -half_ln2, half_ln2, 10, 53),
    "log_float": lambda: fit(log_rest, lambda x: max(x * x, mpf("0.02")), 1 / sqrt2 - 1, sqrt2 - 1, 8, 24),
    "atanh_double": lambda: fit(atanh_rest, lambda z: z / 2, "1e-4", (3 - 2 * sqrt2)**2, 6, 53),
    "sin_float": lambda: fit(sin_rest, lambda z: z, "1e-4", quarter_pi_2, 2, 24),
    "cos_float": lambda: fit(cos_rest, lambda z: max(z * z, mpf("0.01")), "1e-4", quarter_pi_2, 2, 24),
    "sin_double": lambda: fit(sin_rest, lambda z: z, "1e-4", quarter_pi_2, 5, 53),
    "cos_double": lambda: fit(cos_rest, lambda z: max(z * z, mpf("0.01")), "1e-4", quarter_pi_2, 5, 53),
    "erf_float": lambda: fit(erf_over_x, lambda z: 1 / erf_over_x(z), 0, mpf("3.93")**2, 6, 24, 4),
    "erf_double": lambda: fit(erf_over_x, lambda z: 1 / erf_over_x(z), 0, 1, 11, 53),
    "erfcx_float": lambda: erfcx_fit(2, "10.1", 9, 24),
    "erfcx_double": lambda: erfcx_fit(2, "27.3", 22, 53),
    "normal_tail_float": lambda: fit(normal_tail, lambda t: 1 / normal_tail(t), 0, "14.9", 4, 24, 5, grid_from_zero),
}


def show(c):
    return ", ".join(x if len(x) < 40 else x for x in (float(v).hex() for v in c))


if __name__ == "__main__":
    for name in sys.argv[1:] or fits:
        *parts, error = fits[name]()
        for part in parts:
            print(f"{name}: {show(part)}")
        print(f"{name}: largest error 2^{float(log(error, 2)):.2f}")
