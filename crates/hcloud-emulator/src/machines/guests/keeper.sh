# Runs one machine in a mount namespace of its own, so that its disk is mounted nowhere else and nothing stays
# mounted, however this ends. Arguments:
#   FOLDER DISK [RESCUE] -- OWN... -- FILE... -- COMMAND...
# FOLDER: the machine's; DISK: options to mount its disk with; RESCUE: options for the rescue system's root, in which
# the disk is at /mnt; OWN and FILE: where to write to join control groups, for this process and for the machine's;
# COMMAND: what runs it.
folder=$1 disk=$2 rescue=
shift 2
if [ "$1" != -- ]; then
    rescue=$1
    shift
fi
shift
ended() {
    echo "$1" >"$folder/ended.new" && mv "$folder/ended.new" "$folder/ended"
    exit "$1"
}
while [ "$1" != -- ]; do
    echo 0 >"$1" || ended 70
    shift
done
shift
if [ -n "$rescue" ]; then
    mount -t overlay overlay -o "$rescue" "$folder/root" || ended 71
    mount -t overlay overlay -o "$disk" "$folder/mnt" || ended 71
else
    mount -t overlay overlay -o "$disk" "$folder/root" || ended 71
fi
(
    # Alone in its group, as the kernel wants it of groups that are divided further (version 2).
    while [ "$1" != -- ]; do
        echo 0 >"$1" || exit 70
        shift
    done
    shift
    exec "$@"
)
code=$?
# Before anybody learns that it has ended: the disk may be mounted again at once.
umount "$folder/root"
if [ -n "$rescue" ]; then
    umount "$folder/mnt"
fi
ended $code
