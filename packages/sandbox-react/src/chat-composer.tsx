import {
  type FormEvent,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  type TextareaHTMLAttributes,
  useRef,
} from "react";
import { cx, flag, slotClassNames } from "./internal/class-names.ts";
import { useMergedRef } from "./internal/merge-refs.ts";

export interface ChatComposerClassNames {
  root: string;
  form: string;
  input: string;
  submit: string;
  submitContent: string;
}

export interface ChatComposerProps {
  message: string;
  onMessageChange: (value: string) => void;
  onSubmit: () => void;
  onKeyDown?: (event: KeyboardEvent<HTMLTextAreaElement>) => void;
  placeholder?: string;
  disabled?: boolean;
  submitDisabled?: boolean;
  allowEmptySubmit?: boolean;
  submitLabel?: string;
  /** Enter submits and Shift+Enter adds a line, also with an input method. False by default. */
  submitOnEnter?: boolean;
  className?: string;
  classNames?: Partial<ChatComposerClassNames>;
  inputRef?: Ref<HTMLTextAreaElement>;
  rows?: number;
  /** The field's name is its `aria-label`, else the placeholder, else "Message". */
  textareaProps?: Omit<
    TextareaHTMLAttributes<HTMLTextAreaElement>,
    "className" | "disabled" | "onChange" | "onKeyDown" | "placeholder" | "rows" | "value"
  >;
  renderSubmitContent?: () => ReactNode;
  renderFooter?: () => ReactNode;
}

const own: ChatComposerClassNames = {
  root: "sa-chat-composer",
  form: "sa-chat-composer-form",
  input: "sa-chat-composer-input",
  submit: "sa-chat-composer-submit",
  submitContent: "sa-chat-composer-submit-content",
};

/** The text field for prompts. The text is controlled by the caller, so that drafts can be kept. */
export function ChatComposer(props: ChatComposerProps) {
  const { message, disabled = false, submitLabel = "Send", textareaProps, placeholder } = props;
  const classNames = slotClassNames(own, props.classNames);
  const input = useRef<HTMLTextAreaElement>(null);
  const inputRef = useMergedRef(input, props.inputRef);
  const empty = message.trim() === "";
  const isSubmitDisabled =
    disabled || props.submitDisabled === true || (empty && props.allowEmptySubmit !== true);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (isSubmitDisabled) return;
    props.onSubmit();
    // The button is disabled once the text is empty; the next step is to type.
    input.current?.focus();
  };
  return (
    <div className={cx(classNames.root, props.className)} data-slot="root">
      <form className={classNames.form} data-slot="form" onSubmit={submit}>
        <textarea
          {...textareaProps}
          aria-label={accessibleName(textareaProps, placeholder)}
          ref={inputRef}
          className={classNames.input}
          data-slot="input"
          data-disabled={flag(disabled)}
          data-empty={flag(empty)}
          value={message}
          onChange={(event) => props.onMessageChange(event.target.value)}
          onKeyDown={(event) => {
            props.onKeyDown?.(event);
            if (props.submitOnEnter === true && isSubmitKey(event)) {
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }
          }}
          placeholder={placeholder}
          rows={props.rows ?? 1}
          disabled={disabled}
        />
        {props.renderFooter?.()}
        <button
          type="submit"
          className={classNames.submit}
          data-slot="submit"
          data-disabled={flag(isSubmitDisabled)}
          disabled={isSubmitDisabled}
          aria-label={submitLabel}
          title={submitLabel}
        >
          <span className={classNames.submitContent} data-slot="submit-content">
            {props.renderSubmitContent?.() ?? submitLabel}
          </span>
        </button>
      </form>
    </div>
  );
}

/** An input method confirms its word with Enter, which must not submit. */
function isSubmitKey(event: KeyboardEvent<HTMLTextAreaElement>): boolean {
  const plain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
  return event.key === "Enter" && plain && !event.defaultPrevented && !event.nativeEvent.isComposing;
}

function accessibleName(
  textareaProps: ChatComposerProps["textareaProps"],
  placeholder: string | undefined,
): string | undefined {
  if (textareaProps?.["aria-labelledby"] !== undefined || textareaProps?.id !== undefined)
    return textareaProps["aria-label"];
  return textareaProps?.["aria-label"] ?? placeholder ?? "Message";
}
