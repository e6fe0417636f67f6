"""The browser's side: the only package that imports gradio."""
