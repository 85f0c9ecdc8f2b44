"""A second start has its pages, phones, messages and templates again."""

import httpx


def test_restart_keeps_everything(tmp_path, running_sandbox, new_bank, receiver):
    with running_sandbox("--state", str(tmp_path)) as base, httpx.Client(base_url=base) as http:
        bank = new_bank(http, receiver)
        bank.approved([{"type": "BODY", "text": "Your statement is ready."}])
        sent = bank.send({"text": "Olá", "metadata": "m"}).json()["message_id"]
        bank.phone_does("reply", text="Thanks")
        bank.put_person(blocked=True, name="Ana B.")
    with running_sandbox("--state", str(tmp_path)) as base, httpx.Client(base_url=base) as http:
        bank.http = http
        assert [m["text"] for m in bank.inbox(all="1")] == ["Olá", "Thanks"]
        assert bank.inbox()[0]["id"] == sent
        assert bank.inbox()[0]["raw"]["message"]["metadata"] == "m"
        person = bank.put_person()
        assert (person["name"], person["blocked"], person["window_open"]) == ("Ana B.", True, True)
        assert bank.templates()[0]["status"] == "APPROVED"
        assert http.get(f"/pages/{bank.page}").json()["webhook"]["subscribed"] is True
        bank.put_person(blocked=False)
        assert bank.send("Again").status_code == 200
        assert [m["text"] for m in bank.inbox()] == ["Olá", "Again"]
        bank.phone_does("reply", text="Still here")
        texts = [e["message"]["text"] for e in receiver.wait_for("message", 2)]
        assert texts == ["Thanks", "Still here"]


def test_templates_waiting_for_review_get_it_after_a_restart(tmp_path, running_sandbox, new_bank, wait_until):
    with running_sandbox("--state", str(tmp_path)) as base, httpx.Client(base_url=base) as http:
        bank = new_bank(http)
        bank.register([{"type": "BODY", "text": "Your statement is ready."}])
    with running_sandbox("--state", str(tmp_path)) as base, httpx.Client(base_url=base) as http:
        bank.http = http
        assert wait_until(lambda: bank.templates()[0]["status"] == "APPROVED")


def test_receipts_cut_off_by_a_restart_come_after_it(tmp_path, running_sandbox, new_bank, receiver):
    with running_sandbox("--state", str(tmp_path)) as base, httpx.Client(base_url=base) as http:
        bank = new_bank(http, receiver)
        bank.send("On its way")
    assert receiver.events("read") == []
    with running_sandbox("--state", str(tmp_path)):
        assert receiver.wait_for("delivery")
        assert receiver.wait_for("read")
