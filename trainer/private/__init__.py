"""What is used of libraries beyond what they promise to keep, one module a library.

Any of their releases may change such parts without a word, so a test compares the versions that
are installed with those that this was written for.
"""

WRITTEN_FOR = {
    "accelerate": "1.15",
    "bitsandbytes": "0.50",
    "peft": "0.21",
    "torch": "2.13",
    "transformers": "5.23",
    "trl": "1.16",
}
