"""Maven's own rules: text in, values out.  Nothing here reads a file or asks a repository."""
