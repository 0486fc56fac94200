"""Is this environment, accelerator and output folder usable?

diagnosis.py      what a check of the environment found
package_check.py  Python and packages beside the pinned sets
device_check.py   devices and their speed, asked in a child process
device_probe.py   that process
output_check.py   can a run write, read, list and delete there
bucket_check.py   the same of a bucket, with the missing permission
"""
