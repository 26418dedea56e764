"""The engine: graph, passes, candidates, selection, programs. No torch here."""
