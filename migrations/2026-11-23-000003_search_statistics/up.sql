-- How frequent a searched word is, Postgres sees in a sample, of 100 texts by itself. A word that one text of 32 has is
-- missing in one such sample of 25, and was then looked for as if it were rare: 0.8 s instead of 0.01. Five times as many
-- texts miss one word of a hundred in one of 150.
ALTER INDEX orders_search_idx ALTER COLUMN 1 SET STATISTICS 500;
