"""History through the live core: how well would a catalogue have foreseen it, and what would that have been worth?

Read `run` (lines in, result out), then `tally` (what is kept of each problem's questions); `timeline`, `spread`,
`contacts`, `rules`, `sample` and `leads` are its parts, all of bounded memory; `scoring`, `value`, `factors` and
`slices` (what follows of it); `reference` and `beside` (LightGBM on the same questions); `comparing` (several models);
`result` (the document that all of this ends in), `predictions` (the CSV file) and `page` (the report).
"""
