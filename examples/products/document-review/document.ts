/** A document under review: its versions, its people, and what they may do. */
import { UserError } from "holdfast";
import { workflow } from "holdfast/workflow";
import { events, type Input, queues, review } from "./flow.ts";
import { limits } from "./limits.ts";
import {
  audit,
  changed,
  linkOf,
  newState,
  personOf,
  requireRunning,
  type StoredVersion,
  setReviewer,
  viewOf,
} from "./record.ts";
import { type Decision, type DocumentView, type Draft, decisionSchema, type You } from "./review.ts";
import { requireReader } from "./sessions.ts";

const words = { approve: "approved", changes: "asked for changes of", reject: "rejected" } as const;
const statuses = { approve: "approved", changes: "changes", reject: "rejected" } as const;

export const document = workflow({
  createState: (_c, input: { draft: Draft; owner: string } | undefined) => {
    if (input === undefined) throw new UserError("There is no such document", { code: "no_document" });
    return newState(input.draft, input.owner);
  },
  events,
  queues,
  onAuth: (c, { req, intents }) => {
    // The list of its owner creates it, inside this process.
    if (intents.has("create")) throw new UserError("There is no such document", { code: "no_document" });
    return requireReader({ req, key: c.key });
  },
  onConnect: (c, conn) => {
    try {
      personOf(c, conn.auth);
    } catch (error) {
      // The number of the link was raised since the cookie was made.
      conn.disconnect("user.invalid_link");
      c.log.info("a replaced link was refused", { cause: String(error) });
    }
  },
  run: async (ctx) => await review(ctx),
  onRequest: async (c, request) => {
    const you = personOf(c, c.conn.auth);
    const { pathname, searchParams } = new URL(request.url);
    if (request.method === "GET") return await download(c, Number(pathname.split("/").at(-1)));
    if (request.method !== "PUT" || pathname !== "/versions" || request.body === null)
      return new Response("This address does not exist.", { status: 404 });
    requireOwner(you);
    requireRunning(c);
    if (c.state.versions.length >= limits.maxVersions)
      throw new UserError(`A document has at most ${limits.maxVersions} versions`, {
        code: "too_many_versions",
      });
    const name = (searchParams.get("name") ?? "document").replace(/[^\p{L}\p{N} ._-]/gu, "_").slice(-120);
    const { hash, size } = await c.blob.put(limited(request.body, limits.maxFileBytes));
    if (size === 0) throw new UserError("The file is empty", { code: "empty_file" });
    const number = c.state.versions.length + 1;
    const version: StoredVersion = {
      ...{
        number,
        name,
        size,
        file: hash,
        uploadedAt: Date.now(),
        preview: "",
        reading: { state: "reading" },
      },
      type: request.headers.get("content-type") ?? "application/octet-stream",
    };
    c.state.versions.push(version);
    c.state.status = "reading";
    audit(c, you.name, `uploaded version ${number}: ${name}, SHA-256 ${hash}`);
    await c.queue.send("inputs", { kind: "version", number } satisfies Input);
    changed(c);
    return Response.json({ number }, { status: 201 });
  },
  actions: {
    view: (c): { view: DocumentView; you: You } => {
      const { index: _index, ...you } = personOf(c, c.conn.auth);
      return { view: viewOf(c, you), you };
    },
    /** Decides about the newest version. Once it has returned, the decision is durable. */
    decide: async (c, given: Decision): Promise<void> => {
      const you = personOf(c, c.conn.auth);
      const parsed = decisionSchema.safeParse(given);
      if (!parsed.success)
        throw new UserError(parsed.error.issues[0]?.message ?? "Invalid", { code: "invalid_decision" });
      const { version, decision, comment } = parsed.data;
      requireRunning(c);
      if (version !== c.state.versions.length)
        throw new UserError("There is a newer version. Look at it first.", { code: "newer_version" });
      if (!you.mayDecide) throw new UserError("It is not your turn", { code: "not_your_turn" });
      const { name } = setReviewer(c, you.index, {
        ...{ status: statuses[decision], decidedAt: Date.now(), comment },
        ...(you.role === "deputy" ? { decidedBy: you.name } : {}),
      });
      if (decision === "changes") c.state.status = "changes";
      const instead = you.role === "deputy" ? ` in place of ${name}` : "";
      audit(
        c,
        you.name,
        `${words[decision]} version ${version}${instead}${comment === "" ? "" : `: ${comment}`}`,
      );
      await c.queue.send("inputs", { kind: "decision", version, decision } satisfies Input);
      changed(c);
    },
    comment: (c, given: string): void => {
      const you = personOf(c, c.conn.auth);
      const text = String(given).trim();
      if (text === "" || text.length > limits.maxCommentLength)
        throw new UserError(`A comment has 1 to ${limits.maxCommentLength} characters`, {
          code: "invalid_comment",
        });
      if (c.state.comments.length >= limits.maxComments)
        throw new UserError(`A document has at most ${limits.maxComments} comments`, {
          code: "too_many_comments",
        });
      c.state.comments.push({ at: Date.now(), by: you.name, version: c.state.versions.length, text });
      audit(c, you.name, "commented");
      changed(c);
    },
    /** Ends the review without a result. */
    withdraw: async (c): Promise<void> => {
      const you = personOf(c, c.conn.auth);
      requireOwner(you);
      requireRunning(c);
      c.state.status = "withdrawn";
      audit(c, you.name, "withdrew the document");
      await c.queue.send("inputs", { kind: "withdrawn" } satisfies Input);
      changed(c);
    },
    /** The link of a reviewer or the deputy, to pass on. */
    link: (c, personId: string): string => {
      requireOwner(personOf(c, c.conn.auth));
      return linkOf(c, personId);
    },
    /** Replaces a link: the old one, and whoever has opened it, is refused from now on. */
    replaceLink: (c, personId: string): string => {
      const you = personOf(c, c.conn.auth);
      requireOwner(you);
      linkOf(c, personId);
      c.state.links[personId] = (c.state.links[personId] ?? 0) + 1;
      audit(c, you.name, "replaced the link of a person");
      for (const conn of c.conns.values()) {
        const { auth } = conn as { auth?: { link?: { personId: string } } };
        if (auth?.link?.personId === personId) conn.disconnect("user.invalid_link");
      }
      return linkOf(c, personId);
    },
  },
});

function requireOwner({ role }: You): void {
  if (role !== "owner") throw new UserError("Only the owner may do this", { code: "forbidden" });
}

interface Files {
  readonly state: { readonly versions: readonly StoredVersion[] };
  readonly blob: { get(hash: string): Promise<ReadableStream<Uint8Array> | undefined> };
}

/** Always as a download: a file of a stranger must not run as a page of this site. */
async function download({ state, blob }: Files, number: number): Promise<Response> {
  const version = state.versions.find((each) => each.number === number);
  const body = version === undefined ? undefined : await blob.get(version.file);
  if (version === undefined || body === undefined)
    return new Response("There is no such version.", { status: 404 });
  return new Response(body, {
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(version.size),
      "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(version.name)}`,
      "x-content-type-options": "nosniff",
    },
  });
}

async function* limited(body: ReadableStream<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const part of body) {
    size += part.byteLength;
    if (size > maxBytes)
      throw new UserError(`A file has at most ${maxBytes / 1024 / 1024} MB`, { code: "too_large" });
    yield part;
  }
}
