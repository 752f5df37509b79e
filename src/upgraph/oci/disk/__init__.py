"""Images on a disk: layouts, archives and directories of skopeo, read and written."""
