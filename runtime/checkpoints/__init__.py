"""Complete-or-absent checkpoints, written while training goes on.

bundled.py              models that come with the toolkit, by name
checkpoint_manifest.py  their files, with checksums
checkpoint_writer.py    written while training goes on
checkpoints.py          complete-or-absent checkpoints in safetensors
foreign_checkpoints.py  checkpoints of other programs in a folder
retention.py            which are kept and which go
"""
