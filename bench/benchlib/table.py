"""Medians, spreads, ratios round by round, and Markdown."""

import statistics


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method='inclusive')
    return low, high


def number(value):
    return f'{value:,.0f}' if value >= 1000 else f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def median(values):
    return number(statistics.median(values))


def ratio(values, base):
    """Median of the ratios within each round, and the quartiles of those ratios."""
    ratios = [value / other for value, other in zip(values, base)]
    low, high = quartiles(ratios)
    return f'{statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})'


def markdown(head, rows):
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    lines += ['| ' + ' | '.join(str(cell) for cell in row) + ' |' for row in rows]
    return '\n'.join(lines) + '\n'


def ratio_rows(case, series, bases=('relay', 'haproxy')):
    """One row a gateway: what it cost, and against each base of the same round."""
    rows = []
    for name, values in series.items():
        cells = [ratio(values, series[base]) if base in series else '' for base in bases]
        rows.append([case, name, median(values), *cells])
    return rows
