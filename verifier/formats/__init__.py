"""The neighbours' files: text in, our values out."""
