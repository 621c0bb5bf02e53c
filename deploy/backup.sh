#!/bin/sh
# A sound copy of the chats, made while the service runs; then the copies older than so many days are deleted.
# Usage: DATA_DIR=/var/lib/marquee deploy/backup.sh FOLDER [DAYS]
set -eu
folder=${1:?a folder for the copies}
days=${2:-14}
cd "$(dirname "$0")/.."
umask 077
mkdir -p "$folder"
"${PYTHON:-.venv/bin/python}" db.py backup "$folder/"
find "$folder" -maxdepth 1 -name 'chat-*.db' -mtime "+$days" -delete
