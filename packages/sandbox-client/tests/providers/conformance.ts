import assert from "node:assert/strict";
import { SandboxAgent, SandboxDestroyedError, type SandboxProvider } from "../../src/index.ts";

/** What every provider does with its sandboxes. The server in them is a real one. */
export async function conforms(provider: SandboxProvider): Promise<void> {
  const client = await SandboxAgent.start({ sandbox: provider });
  const id = client.sandboxId ?? "";
  try {
    assert.match(id, new RegExp(`^${provider.name}/.+`));
    await works(client);
    await aloneWithItsToken(provider, rawOf(id));
    await client.dispose();
    if (provider.pause === undefined) await taken(provider, id);
    else await comesBack(provider, id);
    await assert.rejects(SandboxAgent.start({ sandbox: provider, sandboxId: "other/1" }), /other\/1/);
  } finally {
    await provider.destroy(rawOf(id));
  }
  // What is gone stays gone, and ending it again is fine.
  await provider.destroy(rawOf(id));
  const again = SandboxAgent.start({ sandbox: provider, sandboxId: id });
  await assert.rejects(again, (error: unknown) => {
    assert.ok(error instanceof SandboxDestroyedError, String(error));
    assert.equal(error.provider, provider.name);
    return true;
  });
}

/** Two at once are two: each has files and a token of its own. */
export async function keepsApart(provider: SandboxProvider): Promise<void> {
  const clients = await Promise.all([1, 2].map(() => SandboxAgent.start({ sandbox: provider })));
  const [one, two] = clients;
  assert.ok(one !== undefined && two !== undefined);
  try {
    assert.notEqual(one.sandboxId, two.sandboxId);
    await one.writeFsFile({ path: "mine.txt" }, "1");
    await assert.rejects(two.readFsFile({ path: "mine.txt" }));
    const tokens = await Promise.all(
      clients.map(({ sandboxId = "" }) => provider.getToken?.(rawOf(sandboxId))),
    );
    if (provider.getToken !== undefined) assert.notEqual(tokens[0], tokens[1]);
  } finally {
    await Promise.all(clients.map((client) => client.destroySandbox()));
  }
}

async function works(client: SandboxAgent): Promise<void> {
  await client.writeFsFile({ path: "note.txt" }, "kept");
  const session = await client.createSession({ agent: "demo", cwd: await home(client) });
  const { stopReason } = await session.prompt([{ type: "text", text: "Write it without asking" }]);
  assert.equal(stopReason, "end_turn");
}

/** A directory that exists in every sandbox: the one of relative paths. */
async function home(client: SandboxAgent): Promise<string> {
  return (await client.mkdirFs({ path: "." })).path;
}

/** Who knows the address alone gets nothing. */
async function aloneWithItsToken(provider: SandboxProvider, rawId: string): Promise<void> {
  const url = await provider.getUrl?.(rawId);
  if (url === undefined || provider.name === "sprites") return;
  const response = await fetch(`${url}/v1/fs/entries`);
  await response.body?.cancel();
  assert.equal(response.status, 401);
}

async function taken(provider: SandboxProvider, sandboxId: string): Promise<void> {
  const client = await SandboxAgent.start({ sandbox: provider, sandboxId });
  const kept = await client.readFsFile({ path: "note.txt" });
  assert.equal(new TextDecoder().decode(kept), "kept");
  await client.dispose();
}

async function comesBack(provider: SandboxProvider, sandboxId: string): Promise<void> {
  await provider.pause?.(rawOf(sandboxId));
  await taken(provider, sandboxId);
}

function rawOf(sandboxId: string): string {
  return sandboxId.slice(sandboxId.indexOf("/") + 1);
}
