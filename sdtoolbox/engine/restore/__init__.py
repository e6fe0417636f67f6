"""Networks that clean and enlarge pictures: read by spandrel, measured once, run on tiles."""
