import { useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { cx, flag, slotClassNames } from "./internal/class-names.ts";
import { LongText } from "./internal/long-text.tsx";
import { transcriptClassNames } from "./internal/transcript-slots.ts";
import { FileChanges } from "./transcript-view/file-changes.tsx";
import type {
  AgentTranscriptClassNames,
  PermissionReplyHandler,
  TranscriptRenderers,
} from "./transcript-view/transcript-types.ts";
import type { PermissionOption, PermissionReply, TranscriptEntry } from "./types.ts";
import { visibleText } from "./visible-text.ts";

export interface PermissionCardProps
  extends Pick<TranscriptRenderers, "renderPermissionIcon" | "renderPermissionOptionContent"> {
  /** An entry of the kind `permission`. */
  entry: TranscriptEntry;
  className?: string;
  classNames?: Partial<AgentTranscriptClassNames>;
  onPermissionReply?: PermissionReplyHandler | undefined;
}

/** An agent's question with its options as buttons, and its answer. */
export function PermissionCard(props: PermissionCardProps) {
  const { entry, className, onPermissionReply } = props;
  const classNames = slotClassNames(transcriptClassNames, props.classNames);
  const id = useId();
  const card = useRef<HTMLElement>(null);
  const { sending, failure, send } = useReply(onPermissionReply);
  const { permission } = entry;
  const resolved = permission?.resolved === true;
  useKeepFocus(card, resolved);
  if (permission === undefined) return null;
  const selectedId = permission.selectedOptionId;
  return (
    <article
      ref={card}
      tabIndex={-1}
      aria-labelledby={`${id}-title`}
      className={cx(classNames.permissionPrompt, resolved && "resolved", className)}
      data-slot="permission-prompt"
      data-resolved={flag(resolved)}
      data-state={permission.state}
    >
      <div className={classNames.permissionHeader} data-slot="permission-header">
        <span className={classNames.permissionIcon} data-slot="permission-icon">
          {props.renderPermissionIcon?.(entry) ?? "Permission"}
        </span>
        <span className={classNames.permissionTitle} data-slot="permission-title" id={`${id}-title`}>
          {visibleText(permission.title)}
        </span>
      </div>
      <Description entry={entry} className={classNames.permissionDescription} />
      <div className={classNames.permissionActions} data-slot="permission-actions">
        {permission.options.map((option) => (
          <OptionButton
            key={option.optionId}
            entry={entry}
            option={option}
            className={classNames.permissionButton}
            resolved={resolved}
            disabled={resolved || sending || onPermissionReply === undefined}
            selected={resolved && selectedId === option.optionId}
            dimmed={resolved && selectedId !== undefined && selectedId !== option.optionId}
            renderContent={props.renderPermissionOptionContent}
            onChoose={() => send(permission.permissionId, toReply(option.kind), option)}
          />
        ))}
        {resolved && selectedId === undefined && (
          <span className={classNames.permissionAutoResolved} data-slot="permission-auto-resolved">
            {describeOutcome(permission.state)}
          </span>
        )}
      </div>
      {failure !== undefined && (
        <div role="alert" className={classNames.error} data-slot="error" data-source="permission">
          {failure}
        </div>
      )}
    </article>
  );
}

function Description({ entry, className }: { readonly entry: TranscriptEntry; readonly className: string }) {
  const description = entry.permission?.description;
  if (entry.toolChanges !== undefined && entry.toolChanges.length > 0) {
    return (
      <div className={className} data-slot="permission-description">
        <FileChanges changes={entry.toolChanges} />
      </div>
    );
  }
  if (!description) return null;
  return (
    <div className={className} data-slot="permission-description">
      {description.includes("\n") ? (
        <LongText text={description} className="sa-plain-text" />
      ) : (
        visibleText(description)
      )}
    </div>
  );
}

interface OptionButtonProps {
  readonly entry: TranscriptEntry;
  readonly option: PermissionOption;
  readonly className: string;
  readonly resolved: boolean;
  readonly disabled: boolean;
  readonly selected: boolean;
  readonly dimmed: boolean;
  readonly renderContent: TranscriptRenderers["renderPermissionOptionContent"];
  readonly onChoose: () => void;
}

function OptionButton(props: OptionButtonProps) {
  const { entry, option, resolved, selected, dimmed, renderContent } = props;
  const tone = option.kind.startsWith("allow") ? "allow" : "reject";
  const label = visibleText(option.name) || (labels[option.kind] ?? option.kind);
  const context = { entry, option, label, reply: toReply(option.kind), selected, dimmed, resolved };
  return (
    <button
      type="button"
      className={cx(props.className, tone, selected && "selected", dimmed && "dimmed")}
      data-slot="permission-button"
      data-tone={tone}
      data-kind={option.kind}
      data-selected={flag(selected)}
      data-dimmed={flag(dimmed)}
      aria-pressed={resolved ? selected : undefined}
      disabled={props.disabled}
      onClick={props.onChoose}
    >
      {renderContent === undefined ? label : renderContent(context)}
    </button>
  );
}

const labels: Readonly<Record<string, string | undefined>> = {
  allow_once: "Allow Once",
  allow_always: "Always Allow",
  reject_once: "Reject",
  reject_always: "Reject Always",
};

function toReply(kind: string): PermissionReply {
  if (kind === "allow_once") return "once";
  return kind === "allow_always" ? "always" : "reject";
}

function describeOutcome(state: NonNullable<TranscriptEntry["permission"]>["state"]): string {
  if (state === "expired") return "Expired without an answer";
  return state === "cancelled" ? "Withdrawn" : "Auto-resolved";
}

/** One answer at a time; the result is shown when the handler has finished. */
function useReply(handler: PermissionReplyHandler | undefined) {
  const [sending, setSending] = useState(false);
  const [failure, setFailure] = useState<string>();
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
    };
  }, []);
  const send = async (permissionId: string, reply: PermissionReply, option: PermissionOption) => {
    setSending(true);
    setFailure(undefined);
    try {
      await handler?.(permissionId, reply, option);
    } catch (error) {
      if (mounted.current) setFailure(error instanceof Error ? error.message : String(error));
    } finally {
      if (mounted.current) setSending(false);
    }
  };
  return { sending, failure, send: (...answer: Parameters<typeof send>) => void send(...answer) };
}

/** Disabling the focused button would lose the keyboard focus: the card takes it. */
function useKeepFocus(card: React.RefObject<HTMLElement | null>, resolved: boolean): void {
  const hadFocus = useRef(false);
  useEffect(() => {
    const element = card.current;
    if (element === null) return;
    const onFocusIn = () => {
      hadFocus.current = true;
    };
    const onFocusOut = (event: FocusEvent) => {
      // Without a next element the browser has removed the focus from a disabled button.
      if (event.relatedTarget !== null) hadFocus.current = false;
    };
    element.addEventListener("focusin", onFocusIn);
    element.addEventListener("focusout", onFocusOut);
    return () => {
      element.removeEventListener("focusin", onFocusIn);
      element.removeEventListener("focusout", onFocusOut);
    };
  }, [card]);
  useLayoutEffect(() => {
    const { activeElement, body } = document;
    const isFocusLost = activeElement === null || activeElement === body;
    const isFocusInside = card.current?.contains(activeElement) === true;
    if (resolved && hadFocus.current && (isFocusLost || isFocusInside))
      card.current?.focus({ preventScroll: true });
  }, [card, resolved]);
}
