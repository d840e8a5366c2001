"""The one room that knows a store of image bytes: folders, tar archives, S3 and HTTP."""
