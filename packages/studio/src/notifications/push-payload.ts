/** What the service worker gets. Version 1 of the format. */
export interface PushPayload {
  readonly version: 1;
  readonly title: string;
  readonly body: string;
  readonly path: string;
  readonly tag: string;
  /** Answers the approval; with `mayAllow`, also by allowing it. */
  readonly token?: string;
  readonly mayAllow?: true;
}
