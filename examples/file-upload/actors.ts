/** Files go in and out as streams over plain HTTP; the actor keeps them as blobs. */
import { actor, setup } from "holdfast";

interface StoredFile {
  readonly hash: string;
  readonly size: number;
  readonly type: string;
}

export const folder = actor({
  // A Map, since a file may have any name: an object has members of its own, such as `constructor`.
  state: { files: new Map<string, StoredFile>() },
  onRequest: async (c, request) => {
    const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
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

export const registry = setup({ use: { folder } });
if (import.meta.main) await registry.start();
