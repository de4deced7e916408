# Runs one machine in a mount namespace of its own, so that its disk is mounted nowhere else and nothing stays
# mounted, however this ends. Arguments:
#   FOLDER DISK [RESCUE] -- FILE... -- COMMAND...
# FOLDER: the machine's; DISK: options to mount its disk with; RESCUE: options for the rescue system's root, in which
# the disk is at /mnt; FILE: where to write this process's number to join a control group; COMMAND: what runs it.
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
    echo $$ >"$1" || ended 70
    shift
done
shift
if [ -n "$rescue" ]; then
    mount -t overlay overlay -o "$rescue" "$folder/root" || ended 71
    mount -t overlay overlay -o "$disk" "$folder/mnt" || ended 71
else
    mount -t overlay overlay -o "$disk" "$folder/root" || ended 71
fi
"$@"
code=$?
# Before anybody learns that it has ended: the disk may be mounted again at once.
umount "$folder/root"
if [ -n "$rescue" ]; then
    umount "$folder/mnt"
fi
ended $code
