/** Files go in and out as streams over plain HTTP; the actor keeps them as blobs. */
import { actor, setup } from "holdfast";

interface StoredFile {
  readonly hash: string;
  readonly size: number;
  readonly type: string;
}

export const folder = actor({
  // A map: people name files, and any name is only a name.
  state: { files: new Map<string, StoredFile>() },
  onRequest: async (c, request) => {
    const name = nameOf(request.url);
    if (name === undefined) return new Response("no name of a file", { status: 400 });
    if (request.method === "PUT") {
      if (request.body === null) return new Response("send a file", { status: 400 });
      const { hash, size } = await c.blob.put(request.body);
      const type = request.headers.get("content-type") ?? "application/octet-stream";
      c.state.files.set(name, { hash, size, type });
      return Response.json({ name, size }, { status: 201 });
    }
    const file = c.state.files.get(name);
    if (file === undefined) return new Response("no such file", { status: 404 });
    const body = await c.blob.get(file.hash);
    return new Response(body, {
      headers: { "content-type": file.type, "content-length": String(file.size) },
    });
  },
  actions: { names: (c) => [...c.state.files.keys()] },
});

/** Undefined where the path is not well encoded. */
function nameOf(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url).pathname.slice(1));
  } catch {
    return undefined;
  }
}

export const registry = setup({ use: { folder } });
if (import.meta.main) await registry.start();
