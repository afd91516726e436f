#!/bin/sh
# An environment for each peer of benchmarks/dedupe.py, apart from the project's own.
#
#     sh benchmarks/peers/make.sh DIR [PYTHON311] [PYTHON312]
#
# DIR gets datasketch/, rensa/, datatrove/ and text-dedup/, some 4 GB in all. text-dedup 0.4.1 needs Python 3.12.
# torch, which datatrove and text-dedup bring along, is held to a version with a build for the CPU alone;
# set PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS to where you keep such a build, or gigabytes of CUDA are downloaded.
set -eu
folder=${1:?name a folder}
older=${2:-python3.11}
newer=${3:-python3.12}
torch="torch==2.13.0"

make() { # name, interpreter, requirements
    name=$1
    python=$2
    shift 2
    [ -x "$folder/$name/bin/python" ] || "$python" -m venv "$folder/$name"
    "$folder/$name/bin/pip" install --quiet "$@"
}

mkdir -p "$folder"
make datasketch "$older" "datasketch==2.0.0" pyarrow
make rensa "$older" "rensa==0.5.0" pyarrow
# Its Chinese tokenizer is spaCy's with jieba, which the extra does not name.
make datatrove "$older" "datatrove[io,processing]==0.10.1" spacy jieba "$torch"
make text-dedup "$newer" "text-dedup>=0.4.1" "$torch"
