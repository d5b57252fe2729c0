#!/usr/bin/env bash
# Versions: Linux 6.18, Python 3 (os.preadv of any version from 3.7 on). No package is installed: the kernel is what is looked at, in namespaces of its own (util-linux's unshare).
# Behaviour: preadv2(2) with RWF_NOWAIT reads what is in the page cache and answers EAGAIN where it would have to wait. On ext4 it does so. On tmpfs, whose files are nowhere else than in
#   memory, it is refused with EOPNOTSUPP, and so it is through overlayfs, even where the very same file of the lower folder has just been read so on ext4: thus for all files of a container's
#   image. A program that means to read in its event loop what is in memory, and lets a thread read the rest, uses its threads for all of these.
# Seen: disk 5000, tmpfs EOPNOTSUPP, overlay of the disk's file EOPNOTSUPP.
# Source: preadv2(2) names EOPNOTSUPP for flags that are unknown; the kernel refuses this one for every file without FMODE_NOWAIT (include/linux/fs.h), which a file system sets when it opens a file.
set -euo pipefail
folder=$(mktemp -d -p "${1:-/var/tmp}")
trap 'rm -rf "$folder"' EXIT
kind=$(stat -f -c %T "$folder")
case $kind in
  ext2/ext3 | xfs | btrfs) ;;
  *)
    echo "$folder is on $kind: give a folder on ext4, XFS or Btrfs as an argument" >&2
    exit 2
    ;;
esac
mkdir "$folder"/{lower,upper,work,merged,memory}
head -c 5000 /dev/urandom >"$folder/lower/file"
cat >"$folder/read.py" <<'PY'
import errno, os, platform, shutil, sys

folder = sys.argv[1]
shutil.copy(f'{folder}/lower/file', f'{folder}/memory/file')

def read(path):
    with open(path, 'rb') as file:
        file.read()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return str(os.preadv(descriptor, [bytearray(10000)], 0, os.RWF_NOWAIT))
    except OSError as error:
        return 'EOPNOTSUPP' if error.errno == errno.EOPNOTSUPP else errno.errorcode[error.errno]
    finally:
        os.close(descriptor)

seen = {name: read(f'{folder}/{name}/file') for name in ('lower', 'memory', 'merged')}
print(platform.release(), ', '.join(f'{name} {answer}' for name, answer in seen.items()))
sys.exit(seen != {'lower': '5000', 'memory': 'EOPNOTSUPP', 'merged': 'EOPNOTSUPP'})
PY
unshare --user --map-root-user --mount bash -euc '
  mount -t tmpfs none "$0/memory"
  mount -t overlay none -o "lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work,userxattr" "$0/merged"
  python3 "$0/read.py" "$0"
' "$folder"
echo 'as described'
