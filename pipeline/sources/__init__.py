"""Where events come from: files, foreign data sets, mappings of foreign topics."""
