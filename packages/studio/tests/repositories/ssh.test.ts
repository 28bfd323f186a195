/** Repositories over SSH, with a real sshd on loopback and real git. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { needsJail, sh, temporaryFolder, Watch } from "../support.ts";
import { needsSshd, SshServer } from "./ssh-server.ts";
import { Summaries, startStudio } from "./support.ts";

const isError = (group: string, code: string) => (error: unknown) => isErrorCode(error, group, code);

test("a repository over SSH is connected once its key is added and the server is confirmed", {
  skip: needsSshd,
}, async (t) => {
  const server = await SshServer.start(t);
  const { client, dataDirectory } = await withData(t);
  const { organization } = client;
  const { url } = server;
  const begun = await organization.beginSsh({ url });
  assert.match(begun.publicKey, /^ssh-ed25519 \S+ holdfast$/);
  assert.match(begun.fingerprint, /^SHA256:[\w+/]{43}$/);
  const ssh = { id: begun.id, fingerprint: begun.fingerprint };
  const wrong = { ...ssh, fingerprint: `SHA256:${"A".repeat(43)}` };
  await assert.rejects(
    organization.addRepository({ url, ssh: wrong }),
    isError("repository", "fingerprint_mismatch"),
  );
  await assert.rejects(
    organization.addRepository({ url: `${url}2`, ssh }),
    isError("repository", "ssh_expired"),
  );
  await assert.rejects(organization.addRepository({ url }), isError("repository", "invalid_source"));
  // The server does not have the key yet; what was made stays.
  await assert.rejects(organization.addRepository({ url, ssh }), (error) => {
    assert.ok(isErrorCode(error, "forge", "unauthorized"), String(error));
    return String(error).includes(begun.publicKey);
  });
  server.allow(begun.publicKey);
  const summaries = await Summaries.watch(t, client);
  const { id, name } = await organization.addRepository({ url, ssh });
  assert.ok(name.startsWith("127.0.0.1/"), name);
  await summaries.until(({ mirror, status }) => mirror?.status === "ready" && status === "synced");
  await assert.rejects(organization.addRepository({ url, ssh }), isError("repository", "ssh_expired"));

  if (needsJail(t)) {
    const task = await organization.createTask({
      ...{ repository: id, agent: "demo", prompt: 'write "x" to x.txt without asking' },
    });
    const watch = await Watch.open(client, task.id);
    t.after(() => watch.close());
    assert.equal((await watch.status("idle", "failed")).status, "idle");
    const { branch } = await client.task(task.id).apply();
    assert.equal(sh(server.repository, "show", `${branch}:x.txt`), "x");
  }
  // The key is in the vault, sealed, and in no file that stays.
  const readAll = readdirSync(dataDirectory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  assert.ok(readAll.every((content) => !content.includes("OPENSSH PRIVATE KEY")));

  await server.restart();
  const [git] = await client.repository(id).check();
  assert.equal(git?.status, "failed");
  assert.match(git?.detail ?? "", /not the one that was confirmed \(SHA256:.*connect it again/);
  await server.stop();
  const [gone] = await client.repository(id).check();
  assert.match(gone?.detail ?? "", /cannot be reached/);
  await assert.rejects(organization.beginSsh({ url }), isError("forge", "unavailable"));
});

test("a key of one's own is taken without a passphrase, and addresses that could be options are refused", {
  skip: needsSshd,
}, async (t) => {
  const server = await SshServer.start(t);
  const { client } = await withData(t);
  const { organization } = client;
  const folder = temporaryFolder(t);
  const keyOf = (name: string, passphrase: string) => {
    const file = join(folder, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "mine", "-f", file]);
    return { privateKey: readFileSync(file, "utf8"), publicKey: readFileSync(`${file}.pub`, "utf8").trim() };
  };
  const { url } = server;
  const mine = keyOf("plain", "");
  assert.equal((await organization.beginSsh({ url, privateKey: mine.privateKey })).publicKey, mine.publicKey);
  for (const privateKey of [keyOf("sealed", "secret").privateKey, "no key"])
    await assert.rejects(organization.beginSsh({ url, privateKey }), isError("repository", "invalid_key"));
  for (const bad of [
    "ssh://-oProxyCommand=x@host/a",
    "git@-host:a",
    "ssh://git@host/a b",
    "git@host:-a",
    "ssh://host/a",
  ])
    await assert.rejects(organization.beginSsh({ url: bad }), isError("repository", "invalid_address"), bad);
});

async function withData(t: TestContext) {
  const { client } = await startStudio(t, undefined, { runTasks: true });
  const { dataDirectory } = await client.organization.system();
  return { client, dataDirectory };
}
