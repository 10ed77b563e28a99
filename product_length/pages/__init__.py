"""Pages that people look at: one kit of text, tables and charts, and the pages made of it."""
