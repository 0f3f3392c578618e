"""`pacs doctor`: what is wrong with a node, in plain words, whether it runs, or cannot."""
