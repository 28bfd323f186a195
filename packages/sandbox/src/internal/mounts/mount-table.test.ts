import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { removeAtExit } from "@holdfast/testing/scratch";
import { mountPointsThatMayHang, resolveDestination } from "./mount-table.ts";

test("mounts of network and FUSE file systems are found, and those of the kernel are not", () => {
  const table = [
    "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw",
    "23 22 0:5 / /dev rw,nosuid - devtmpfs udev rw",
    "31 22 0:40 / /sys/fs/fuse/connections rw - fusectl fusectl rw",
    "40 22 0:50 / /mnt/a\\040b rw,relatime shared:9 master:2 - nfs4 host:/x rw,addr=1",
    "41 22 0:51 / /mnt/ssh rw - fuse.sshfs me@host: rw",
    "42 22 0:52 / /mnt/ssh rw - fuse.sshfs me@host: rw",
    "43 22 0:53 /sub /work rw - 9p host rw",
    "",
  ];
  assert.deepEqual(mountPointsThatMayHang(table.join("\n")), ["/mnt/a b", "/mnt/ssh", "/work"]);
  assert.deepEqual(mountPointsThatMayHang("22 1 0:9 / / rw - virtiofs root rw\n"), []);
});

test("links are resolved up to a mount point and not beyond", async () => {
  const base = await realpath(await mkdtemp(join(tmpdir(), "holdfast-mounts-")));
  removeAtExit(base);
  const point = `${base}/served`;
  await mkdir(`${base}/folder`);
  await symlink("../served/x", `${base}/folder/relative`);
  await symlink(point, `${base}/absolute`);
  await symlink("loop", `${base}/loop`);
  const at = (path: string) => resolveDestination(path, [point]);
  assert.equal(at(`${base}/folder/relative/y`), `${point}/x/y`);
  assert.equal(at(`${base}/absolute`), point);
  assert.equal(at(`${base}/absolute/../folder`), `${base}/folder`);
  assert.equal(at(`${base}/folder/../served`), point);
  assert.equal(at(`${base}/folder//./none/x`), `${base}/folder/none/x`);
  assert.equal(at(`${base}/loop/x`), `${base}/loop/x`);
  assert.equal(at(`${base}/served-not`), `${base}/served-not`);
  assert.equal(at("/"), "/");
  assert.equal(at("/.."), "/");
});
