import assert from "node:assert/strict";
import { SandboxAgent, SandboxDestroyedError, type SandboxProvider } from "../../src/index.ts";

/** What every provider does with its sandboxes. The server in them is a real one. */
export async function conforms(provider: SandboxProvider): Promise<void> {
  const [one, two] = await Promise.all([
    SandboxAgent.start({ sandbox: provider }),
    SandboxAgent.start({ sandbox: provider }),
  ]);
  const id = one.sandboxId ?? "";
  try {
    assert.match(id, new RegExp(`^${provider.name}/.+`));
    assert.notEqual(one.sandboxId, two.sandboxId);
    await works(one);
    await aloneWithItsToken(provider, rawOf(id));
    await one.dispose();
    await taken(provider, id);
    await comesBack(provider, id);
    await assert.rejects(SandboxAgent.start({ sandbox: provider, sandboxId: "other/1" }), /other\/1/);
  } finally {
    await two.destroySandbox();
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
  if (provider.pause === undefined) return;
  await provider.pause(rawOf(sandboxId));
  await taken(provider, sandboxId);
}

function rawOf(sandboxId: string): string {
  return sandboxId.slice(sandboxId.indexOf("/") + 1);
}
