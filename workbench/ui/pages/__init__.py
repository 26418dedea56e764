"""One file per page: plain scripts that arrange components."""
