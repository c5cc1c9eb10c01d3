"""History through the live core: how well would a catalogue have foreseen it?

Read `run` (lines in, result out), then `tally` (what is kept of each question), `result` (scores), `predictions`
(the CSV file), `report` and `charts` (the page).
"""
