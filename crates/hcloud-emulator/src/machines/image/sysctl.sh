#!/bin/sh
# A machine shares its kernel with the computer it runs on: settings that are not its own cannot be changed from inside,
# as they can be at Hetzner. They are left as they are and named, and not taken for a failure. All else is for the
# program itself to do and to say.
errors=$(mktemp) || exec /usr/sbin/sysctl "$@"
status=0
/usr/sbin/sysctl "$@" 2>"$errors" || status=$?
cat "$errors" >&2
if [ -s "$errors" ] && ! grep -qv '^sysctl: permission denied on key ' "$errors"; then
  status=0
fi
rm -f "$errors"
exit "$status"
