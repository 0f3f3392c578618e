/** What is registered of a device: a new one's, or another instead of what is there. The node says what is wrong in it. */

import { useEffect, useRef, useState } from "preact/hooks";

import { verbWord } from "@/devices/verbs";
import type { Failure } from "@/dicomweb/http";
import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { VERBS, type Registration } from "@/model/devices";
import { FieldMistake, FormField } from "@/ui/FormField";
import { fieldMistake } from "@/ui/refusals";

const NO_PORT = 0;

interface DeviceFormProps {
  readonly name: "register" | "change";
  readonly before: Registration;
  readonly submitLabel: PlainKey;
  send(device: Registration): Promise<Failure | undefined>;
  done(): void;
  cancel?(): void;
}

export function DeviceForm({ name, before, submitLabel, send, done, cancel }: DeviceFormProps) {
  const [aeTitle, setAeTitle] = useState(before.aeTitle);
  const [host, setHost] = useState(before.host);
  const [port, setPort] = useState(String(before.port));
  const [description, setDescription] = useState(before.description);
  const [verbs, setVerbs] = useState(before.verbs);
  const [refused, setRefused] = useState<Failure | undefined>();
  const form = useRef<HTMLFormElement>(null);
  const changes = name === "change";
  useEffect(() => {
    if (changes) form.current?.querySelector("input")?.focus();
  }, [changes]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const number = /^\d{1,5}$/.test(port.trim()) ? Number(port) : NO_PORT;
    const failure = await send({ aeTitle: aeTitle.trim(), host: host.trim(), port: number, verbs, description: description.trim() });
    setRefused(failure);
    if (!failure) done();
  };
  const toggle = (verb: string): void => setVerbs(verbs.includes(verb) ? verbs.filter((one) => one !== verb) : [...verbs, verb]);
  const offered = [...before.verbs.filter((verb) => !VERBS.some((one) => one === verb)), ...VERBS];
  return (
    <form ref={form} class="device-form" data-testid={name} noValidate onSubmit={(event) => void submit(event)}>
      {changes ? (
        <p class="device-title">
          <strong>{aeTitle}</strong>
        </p>
      ) : (
        <FormField label={t("devices.title")} name="ae_title" input={{ maxLength: 16 }} value={aeTitle} mistake={fieldMistake(refused, "ae_title")} change={setAeTitle} />
      )}
      <FormField label={t("devices.host")} name="host" value={host} mistake={fieldMistake(refused, "host")} change={setHost} />
      <FormField label={t("devices.port")} name="port" input={{ inputMode: "numeric" }} value={port} mistake={fieldMistake(refused, "port")} change={setPort} />
      <FormField label={t("devices.description")} name="description" input={{ maxLength: 200 }} value={description} mistake="" change={setDescription} />
      <fieldset class="field" aria-describedby={fieldMistake(refused, "verbs") === "" ? undefined : "verbs-mistake"}>
        <legend class="muted">{t("devices.may")}</legend>
        {offered.map((verb) => (
          <label key={verb} class="check">
            <input type="checkbox" checked={verbs.includes(verb)} onChange={() => toggle(verb)} />
            {verbWord(verb)}
          </label>
        ))}
        <FieldMistake id="verbs-mistake" mistake={fieldMistake(refused, "verbs")} />
      </fieldset>
      <div class="device-actions">
        <button type="submit" class="button primary">
          {t(submitLabel)}
        </button>
        {cancel && (
          <button type="button" class="button" onClick={cancel}>
            {t("dialog.cancel")}
          </button>
        )}
      </div>
    </form>
  );
}
