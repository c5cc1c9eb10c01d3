"""A backtest's result as one page of HTML.

Read `report` (the whole page), then `cards`, `tables`, `money_charts` and `quality_charts` (what stands on it), `marks`
(what charts are made of), `drawing` (how they become SVG), `words` (numbers and sentences) and `reading` (its legend).
"""
