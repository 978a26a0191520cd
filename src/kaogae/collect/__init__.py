"""Stage 1, collect: pictures from Danbooru, Getchu, visual-novel projects, folders and shared manifests."""
