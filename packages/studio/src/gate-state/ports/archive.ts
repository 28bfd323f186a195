import { randomUUID } from "node:crypto";
import {
  type ArchiveEnd,
  type AuditArchive,
  type AuditCheckpoint,
  type AuditVerification,
  archiveTimes,
} from "@holdfast/gate";
import type { VerifyReport, VerifyRequest } from "../audit-chain.ts";
import { type GateActors, keyPart } from "./calls.ts";

export class ActorArchive implements AuditArchive {
  readonly #actors: GateActors;

  constructor(actors: GateActors) {
    this.#actors = actors;
  }

  #call<Result>(chain: string, action: string, ...args: unknown[]): Promise<Result> {
    return this.#actors.call("auditChain", [keyPart(chain)], action, ...args);
  }

  end(chain: string): Promise<ArchiveEnd> {
    return this.#call(chain, "end");
  }

  append(chain: string, offset: number, bytes: Uint8Array): Promise<number> {
    return this.#call(chain, "append", offset, new Uint8Array(bytes));
  }

  sign(chain: string, checkpoint: AuditCheckpoint): Promise<void> {
    return this.#call(chain, "sign", checkpoint);
  }

  read(chain: string, offset: number): Promise<Uint8Array> {
    return this.#call(chain, "read", offset);
  }

  async verifyFiles(
    chain: string,
    kept: AuditCheckpoint | undefined,
  ): Promise<AuditVerification | undefined> {
    const id = randomUUID();
    const connection = this.#actors.connect("auditChain", [keyPart(chain)]);
    const answered = Promise.withResolvers<AuditVerification | undefined>();
    const timer = setTimeout(() => answered.resolve(undefined), archiveTimes.verifyMs);
    try {
      connection.on("verified", (report: VerifyReport) => {
        if (report.id === id) answered.resolve(report.result);
      });
      await connection.ready;
      const request: VerifyRequest = { id, kept: kept ?? null };
      const isAsked = await connection.action<boolean>({ name: "internal.verify", args: [request] });
      return isAsked ? await answered.promise : undefined;
    } finally {
      clearTimeout(timer);
      await connection.dispose();
    }
  }

  onVerify(
    chain: string,
    verify: (kept: AuditCheckpoint | undefined) => Promise<AuditVerification>,
  ): () => void {
    const connection = this.#actors.connect("auditChain", [keyPart(chain)], { isNode: true });
    connection.on("verify", ({ id, kept }: VerifyRequest) => {
      const reported = verify(kept ?? undefined).then((result) =>
        this.#call(chain, "report", { id, result }),
      );
      this.#actors.background(reported, "a verification of the audit log could not be reported");
    });
    return () => this.#actors.background(connection.dispose(), "a connection could not be closed");
  }
}
