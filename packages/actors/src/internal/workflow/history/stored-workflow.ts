import type { ActorCore } from "../../lifecycle/actor-core.ts";
import { type HotRecords, recordPrefix } from "../../lifecycle/part.ts";
import { Signals } from "../steps/signals.ts";
import { History } from "./history.ts";
import { historySpace } from "./location.ts";
import { decodeBox, decodeHeader, encodeHeader, encodeValueOf, freshHeader, type Header } from "./record.ts";

type StoredWorkflowDependencies = Pick<ActorCore, "records" | "state">;

const headerKey = new Uint8Array([recordPrefix.workflow, 0x01]);
const inputKey = new Uint8Array([recordPrefix.workflowHistory, historySpace.input]);
const outputKey = new Uint8Array([recordPrefix.workflowHistory, historySpace.output]);

/**
 * The stored data of one actor's workflow, in memory: the header, loaded at the start, and the rest, loaded on demand:
 * history, input, output and signals. Every change is written with the open turn.
 */
export class StoredWorkflow {
  readonly history: History;
  readonly signals: Signals;
  readonly #actor: StoredWorkflowDependencies;
  #header: Header = freshHeader;
  #written: Header = freshHeader;
  #input: unknown;
  #output: unknown;
  #savepointData: { readonly header: Header; readonly written: Header; readonly input: unknown } | undefined;
  /** Set once the cold data is loaded, or being loaded. */
  #loading: Promise<void> | undefined;

  constructor(actor: StoredWorkflowDependencies) {
    this.#actor = actor;
    this.history = new History(actor.records);
    this.signals = new Signals(actor);
  }

  get header(): Header {
    return this.#header;
  }

  /** The header as last written. */
  get written(): Header {
    return this.#written;
  }

  get input(): unknown {
    return this.#input;
  }

  get output(): unknown {
    return this.#output;
  }

  /** Reads the header from the hot records. */
  read(hot: HotRecords): void {
    const record = hot.get(recordPrefix.workflow)?.find(({ key }) => key[1] === headerKey[1]);
    if (record === undefined) return;
    this.#header = decodeHeader(record.value);
    this.#written = this.#header;
  }

  /** Changes the header in memory. */
  set(change: Partial<Header>): void {
    this.#header = { ...this.#header, ...change };
  }

  /** Writes the header if it has changed. */
  write(): void {
    if (this.#header === this.#written) return;
    this.#written = this.#header;
    this.#actor.records.put(headerKey, encodeHeader(this.#header));
  }

  /** A workflow that never ran gets its input: it has no history to read. */
  begin(input: unknown): void {
    this.setInput(input);
    this.#loading ??= this.#retryable(this.signals.load());
  }

  /** Throws if the input cannot be recorded. */
  setInput(input: unknown): void {
    const { records } = this.#actor;
    const record = encodeValueOf("input", this.#actor.state.unwrap(input));
    if (input === undefined) records.delete(inputKey);
    else records.put(inputKey, record);
    this.#input = decodeBox(record);
  }

  /** Throws if the output cannot be recorded. */
  setOutput(output: unknown): void {
    this.#actor.records.put(outputKey, encodeValueOf("output", output));
    this.#output = output;
  }

  forgetOutput(): void {
    this.#actor.records.delete(outputKey);
    this.#output = undefined;
  }

  /** Loads the cold data. Idempotent; after a failure the next call tries again. */
  ensureLoaded(): Promise<void> {
    this.#loading ??= this.#retryable(this.#load());
    return this.#loading;
  }

  #retryable(loading: Promise<void>): Promise<void> {
    const loaded = loading.catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    // Without a waiting caller, the next one gets the error.
    loaded.catch(() => {});
    return loaded;
  }

  async #load(): Promise<void> {
    const { records } = this.#actor;
    const [input, output] = await Promise.all([records.get(inputKey), records.get(outputKey)]);
    this.#input = input && decodeBox(input);
    this.#output = output && decodeBox(output);
    // A workflow that has not started has no history.
    if (this.#written.run > 0) await this.history.load();
    await this.signals.load();
  }

  savepoint(): void {
    this.#savepointData = { header: this.#header, written: this.#written, input: this.#input };
    this.signals.savepoint();
  }

  /** Restores the state of the savepoint. Returns false if there was none. */
  rollback(): boolean {
    if (this.#savepointData === undefined) return false;
    this.#header = this.#savepointData.header;
    this.#written = this.#savepointData.written;
    this.#input = this.#savepointData.input;
    this.#savepointData = undefined;
    this.signals.rollback();
    return true;
  }

  keep(): void {
    this.#savepointData = undefined;
  }
}
