#!/bin/sh
# object-storage: copies files to and from a bucket, below the prefix that the configuration names.
#   object-storage put FILE KEY     copies a file, in parts when it is large
#   object-storage get KEY FILE     copies it back; FILE appears when it is whole
#   object-storage list [FOLDER]    prints size and key of each object, a line each, in the order of keys
#   object-storage delete KEY
#   object-storage check            writes, reads and lists once, to see that the configuration is right
# Keys have letters, digits and . _ / - only, so that they need no escaping in URLs and in the service's answers.
set -eu
umask 077

directory=/etc/object-storage
# shellcheck source=/dev/null
. "$directory/object-storage.env"

# Objects up to this many MiB are sent at once, larger ones in parts of as many. A part is copied to a file first, and a
# service takes 10 000 of them: at most 2.5 TB.
part_mib=${OBJECT_STORAGE_PART_MIB:-256}

fail() {
  echo "object-storage: $*" >&2
  exit 1
}

scratch=$(mktemp -d "${OBJECT_STORAGE_TMPDIR:-/var/tmp}/object-storage.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

checked_key() {
  case $1 in
    "" | /* | */ | *//* | *[!A-Za-z0-9._/-]*) fail "the key $1 is empty, or has something else than letters, digits and . _ / -" ;;
  esac
}

# Sums are part of the signature, so the service refuses a body that was damaged on the way.
sum_of() {
  sha256sum "$1" | cut -d ' ' -f 1
}

body=$scratch/answer
empty_sum=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855

# request WHAT SUM URL [OPTION...]: the answer's body is in $body, its headers in $scratch/headers. What fails for a
# passing reason is tried again, five times in all.
request() {
  what=$1
  sum=$2
  url=$3
  shift 3
  code=0
  status=$(curl --silent --show-error --config "$directory/object-storage.curl" \
    --header "x-amz-content-sha256: $sum" --connect-timeout 20 --speed-limit 1024 --speed-time 120 \
    --retry 4 --retry-connrefused --retry-max-time 300 --output "$body" --dump-header "$scratch/headers" \
    --write-out '%{http_code}' "$@" "$url" 2>"$scratch/error") || code=$?
  [ "$code" -eq 0 ] || fail "$what: $(tail -n 1 "$scratch/error")"
  case $status in
    2??) ;;
    *)
      reason=$(head -c 4096 "$body" | tr -d '\0\n' | sed -n 's/.*<Code>\([A-Za-z]*\)<\/Code>.*/ \1/p')
      fail "$what: the service answered $status$reason"
      ;;
  esac
}

put() {
  [ -f "$1" ] || fail "there is no file $1"
  checked_key "$2"
  size=$(stat -c %s "$1")
  if [ "$size" -le $((part_mib * 1048576)) ]; then
    request "put $2" "$(sum_of "$1")" "$base/$2" --upload-file "$1"
  else
    put_in_parts "$1" "$2"
  fi
}

put_in_parts() {
  object=$base/$2
  count=$(((size + part_mib * 1048576 - 1) / (part_mib * 1048576)))
  [ "$count" -le 10000 ] || fail "put $2: $size bytes are more than 10000 parts of $part_mib MiB; set OBJECT_STORAGE_PART_MIB"
  request "begin $2" "$empty_sum" "$object?uploads=" --request POST --header 'Content-Type: application/octet-stream'
  upload=$(tr -d '\n' <"$body" | sed -n 's/.*<UploadId>\([^<]*\)<\/UploadId>.*/\1/p')
  case $upload in
    "" | *[!A-Za-z0-9._~-]*) fail "begin $2: the service gave no upload id that can stand in a URL" ;;
  esac
  if ! (send_parts "$1" "$2"); then
    request "abandon $2" "$empty_sum" "$object?uploadId=$upload" --request DELETE
    fail "put $2: not all parts arrived, so the upload was abandoned"
  fi
  request "finish $2" "$(sum_of "$scratch/parts")" "$object?uploadId=$upload" --request POST \
    --header 'Content-Type: application/xml' --data-binary "@$scratch/parts"
  # The service may find out at the end that it cannot, after it has said 200.
  ! grep -q '<Error>' "$body" || fail "finish $2: the service could not put the parts together"
}

# What is made known to the caller is the file of parts.
send_parts() {
  echo '<CompleteMultipartUpload>' >"$scratch/parts"
  number=1
  while [ "$number" -le "$count" ]; do
    dd if="$1" of="$scratch/part" bs=1M count="$part_mib" skip=$(((number - 1) * part_mib)) status=none
    request "part $number of $2" "$(sum_of "$scratch/part")" "$object?partNumber=$number&uploadId=$upload" \
      --upload-file "$scratch/part"
    etag=$(tr -d '\r' <"$scratch/headers" | sed -n 's/^[Ee][Tt][Aa][Gg]: *//p' | tail -n 1)
    echo "<Part><PartNumber>$number</PartNumber><ETag>$etag</ETag></Part>" >>"$scratch/parts"
    number=$((number + 1))
  done
  echo '</CompleteMultipartUpload>' >>"$scratch/parts"
}

get() {
  checked_key "$1"
  # Beside the file, so that what is whole is moved into its place at once.
  body=$(mktemp "$2.XXXXXX")
  trap 'rm -rf "$scratch" "$body"' EXIT
  request "get $1" "$empty_sum" "$base/$1"
  mv "$body" "$2"
}

# A page of at most 1000 keys at a time, each beginning after the last key of the one before. The parameters are in the
# order and the form in which they are signed.
list() {
  folder=$OBJECT_STORAGE_PREFIX/${1:+$1/}
  encoded=$(printf %s "$folder" | sed 's,/,%2F,g')
  after=
  pages=0
  while [ "$pages" -lt 10000 ]; do
    query="list-type=2&max-keys=1000&prefix=$encoded"
    [ -z "$after" ] || query="$query&start-after=$(printf %s "$after" | sed 's,/,%2F,g')"
    request "list $folder" "$empty_sum" "$OBJECT_STORAGE_URL?$query"
    awk -v prefix="$OBJECT_STORAGE_PREFIX/" 'BEGIN { RS = "<" }
      /^Contents>/ { key = ""; size = "" }
      /^Key>/ { key = substr($0, 5) }
      /^Size>/ { size = substr($0, 6) }
      /^\/Contents>/ {
        # What somebody else put there under another kind of name is not ours.
        if (index(key, prefix) == 1 && key !~ /[^A-Za-z0-9._\/-]/) print size, substr(key, length(prefix) + 1)
        last = key
      }
      /^IsTruncated>true/ { more = 1 }
      END { if (more && last != "") print "more", last }' "$body" >"$scratch/page"
    after=$(sed -n 's/^more //p' "$scratch/page")
    sed '/^more /d' "$scratch/page"
    [ -n "$after" ] || return 0
    pages=$((pages + 1))
  done
  fail "list $folder: more than ten million objects"
}

delete() {
  checked_key "$1"
  request "delete $1" "$empty_sum" "$base/$1" --request DELETE
}

check() {
  date -u +%Y-%m-%dT%H:%M:%SZ >"$scratch/probe"
  put "$scratch/probe" probe
  list "" >"$scratch/listed"
  grep -q ' probe$' "$scratch/listed" || fail "the object that was just written is not listed"
  get probe "$scratch/back"
  cmp -s "$scratch/probe" "$scratch/back" || fail "the object that was just written has come back different"
}

base=$OBJECT_STORAGE_URL/$OBJECT_STORAGE_PREFIX
case ${1:-}/$# in
  put/3 | get/3 | list/1 | list/2 | delete/2 | check/1) "$@" ;;
  *) fail "usage: object-storage put FILE KEY | get KEY FILE | list [FOLDER] | delete KEY | check" ;;
esac
