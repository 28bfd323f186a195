/** As much of IndexedDB (W3C, Indexed Database API 3.0) as is used: the compiler here has no DOM. */

export interface Request {
  readonly result: unknown;
  readonly error: unknown;
}

export interface Index {
  getAll(range: unknown, count: number): Request;
}

export interface Store {
  get(key: string): Request;
  getAll(range: unknown, count: number): Request;
  put(value: object): Request;
  add(value: object): Request;
  index(name: string): Index;
  createIndex(name: string, keyPath: string[]): unknown;
}

export interface Transaction {
  readonly error: unknown;
  oncomplete: (() => void) | null;
  onabort: (() => void) | null;
  onerror: (() => void) | null;
  objectStore(name: string): Store;
}

export interface Database {
  onversionchange: (() => void) | null;
  onclose: (() => void) | null;
  transaction(name: string, mode: "readonly" | "readwrite", options: { durability: "strict" }): Transaction;
  createObjectStore(name: string, options: { keyPath: string | string[] }): Store;
  close(): void;
}

export interface OpenRequest {
  readonly result: Database;
  readonly error: unknown;
  onupgradeneeded: (() => void) | null;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

/** The type of `globalThis.indexedDB`. */
export interface Factory {
  open(name: string, version: number): OpenRequest;
}
