/** Files go in and out of a document over plain HTTP, below its address. */
import { createClient } from "holdfast/client";
import type { registry } from "../actors.ts";

const client = createClient<typeof registry>(location.origin);

async function check(response: Response): Promise<Response> {
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; message?: string };
  throw new Error(problem.detail ?? problem.message ?? "The server has refused the file.");
}

/** Sends a new version. */
export async function upload(ownerId: string, id: string, file: File): Promise<void> {
  const path = `/versions?name=${encodeURIComponent(file.name)}`;
  const type = file.type === "" ? "application/octet-stream" : file.type;
  const headers = { "content-type": type };
  await check(await client.document.get([ownerId, id]).fetch(path, { method: "PUT", body: file, headers }));
}

/** Saves a version to the disk of whoever looks at the page. */
export async function download(ownerId: string, id: string, number: number, name: string): Promise<void> {
  const response = await check(await client.document.get([ownerId, id]).fetch(`/versions/${number}`));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
