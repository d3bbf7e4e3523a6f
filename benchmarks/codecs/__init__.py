"""The codecs that are compared, one file each, behind `interface.ImageCodec`; `catalog` lists them."""
