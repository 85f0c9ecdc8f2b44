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


def test_a_phone_that_was_removed_stays_gone_and_may_be_made_anew(tmp_path, running_sandbox, new_bank):
    with running_sandbox("--state", str(tmp_path)) as base, httpx.Client(base_url=base) as http:
        bank = new_bank(http)
        phone = {"page_id": bank.page}
        bank.send("Soon gone")
        assert http.delete(f"/people/{bank.psid}", params=phone).json()["messages"] == 1
        assert bank.inbox() == []
        assert http.get(f"/people/{bank.psid}", params=phone).status_code == 404
        assert http.delete(f"/people/{bank.psid}", params=phone).status_code == 404
        assert bank.put_person()["messages"] == 0
        bank.send("Anew")
        http.put("/people/7001", json=phone)
        http.delete("/people/7001", params=phone)
    with running_sandbox("--state", str(tmp_path)) as base, httpx.Client(base_url=base) as http:
        bank.http = http
        assert [m["text"] for m in bank.inbox()] == ["Anew"]
        assert http.get("/people/7001", params=phone).status_code == 404
