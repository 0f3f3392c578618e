import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { failureOf } from "@/dicomweb/http";
import { setLanguage } from "@/i18n";
import { failureHint, failureMessage, fieldMistake, nodeWords, storeRefusal } from "@/ui/refusals";

function refused(status: number, body: object) {
  return failureOf(Response.json(body, { status }));
}

const ENGLISH = { error: "the AE title CT1 is registered already", hint: "change or remove that peer" };

describe("what the node refuses is told in the reader's language", () => {
  beforeAll(() => setLanguage("ru"));
  afterAll(() => setLanguage("en"));

  it("by its code, with nothing of the node's English", async () => {
    const failure = await refused(400, { ...ENGLISH, code: "peer_exists", fields: { ae_title: "peer_exists", port: "peer_port" } });
    expect(failureMessage(failure)).toBe("Этот AE Title уже зарегистрирован. Измените то устройство.");
    expect(nodeWords(failure)).toBe("");
    expect(fieldMistake(failure, "port")).toBe("Число от 1 до 65535.");
    expect(fieldMistake(failure, "host")).toBe("");
  });

  it("by its status where there is no code, or none that is known, and the English stays for who looks after the node", async () => {
    const failure = await refused(409, { ...ENGLISH, code: "of a later node", fields: { host: "of a later node" } });
    expect(failureMessage(failure)).toBe("За это время всё изменилось. Обновите и посмотрите ещё раз.");
    expect(nodeWords(failure)).toContain("registered already");
    expect(fieldMistake(failure, "host")).toBe("Это значение не принято.");
    expect(failureMessage(await refused(503, { error: "a disk of the node fails", code: "disk_failed" }))).toContain("Сбой диска");
    expect(failureMessage(await refused(503, { error: "too many at once" }))).toBe("Сервер занят. Повторите позже.");
    expect(failureMessage(await refused(421, { error: "this node does not answer to that name" }))).toContain("по адресу, который даст администратор");
  });

  it("an account that may not is sent to the administrator, and nobody else who is refused with the same status", async () => {
    expect(failureHint(await refused(403, { error: "this account may not do that" }))).toContain("Администратор");
    const due = await refused(403, { error: "the password has to be changed first", code: "password_due" });
    expect([failureMessage(due), failureHint(due)]).toEqual(["Сначала выберите новый пароль: войдите ещё раз.", ""]);
  });

  it("and so is why a file was not stored", () => {
    expect(storeRefusal(0xa700)).toContain("нет места");
    expect(storeRefusal(0x1234)).toBeUndefined();
  });
});
