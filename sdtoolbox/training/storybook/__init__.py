"""The storybook: a synthetic picture-book world, its captions and its frozen evaluation."""
