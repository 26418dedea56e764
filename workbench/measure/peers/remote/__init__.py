"""Files that other interpreters run; they import neither workbench nor each other."""
