"""The service worker: the app without a network, a new version, votes that are sent without a page."""

import hashlib
import json
import time

import pytest

from kaogae.label.service.files import File

PAGE = b"""<!doctype html><title>%s</title><script type="module">
import { installShell } from "/js/desk/shell.js";
installShell();
</script>"""
REGISTRATION = "navigator.serviceWorker.getRegistration()"
LOOK = """state => { Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});
document.dispatchEvent(new Event('visibilitychange')); }"""


def publish(service, version):
    """Serve a small app of this version."""
    html = File(PAGE % version.encode(), "text/html; charset=utf-8")
    files = {path: file for path, file in service.shell.items() if path.startswith("/js/")} | {"/": html}
    names = [path for path in files if path.startswith(("/js/desk", "/js/store", "/js/api"))]
    digest = hashlib.sha256(version.encode()).hexdigest()
    worker = service.shell["/sw.js"].data.partition(b"\n")[2]
    shell = json.dumps({"version": digest, "files": ["/", *names]})
    service.shell = files | {"/sw.js": File(f"const SHELL = {shell};\n".encode() + worker, "text/javascript")}


def update(tab):
    """The browser has noticed that there is a new version."""
    tab.page.evaluate(f"{REGISTRATION}.then((one) => one.update())")
    tab.eventually(f"{REGISTRATION}.then((one) => one.waiting?.state === 'installed')")


@pytest.fixture
def app(service, tab):
    """A tab in which the worker of version "one" is at work."""
    publish(service, "one")
    tab = tab()
    tab.page.goto(f"{tab.origin}/")
    tab.page.wait_for_function("navigator.serviceWorker.controller !== null")
    return tab


def caches(tab):
    script = "async () => (await caches.keys()).filter((name) => name.startsWith('kaogae-shell-'))"
    return tab.page.evaluate(script)


def test_the_app_opens_without_a_network_whatever_its_address_ends_in(app, phone):
    phone.set_offline(True)
    for address in ("/", "/?source=install", "/somewhere", "/#campaign=1"):
        app.page.goto("about:blank")
        app.page.goto(app.origin + address)
        assert app.page.title() == "one"
    status = app.page.evaluate("fetch('/api/v1/session').then(() => 'answer', () => 'none')")
    assert status == "none", "what the service says is never kept"


def test_pictures_come_from_the_device_and_another_size_is_better_than_none(app, service, phone):
    service.items = service.items[:3]
    app.start().ready()
    app.stocked()
    phone.set_offline(True)
    script = "url => fetch(url).then(({status}) => status, () => 0)"
    assert app.page.evaluate(script, "/api/v1/items/2/image?size=480&of=Yuki") == 200
    assert app.page.evaluate(script, "/api/v1/items/2/image?size=960&of=Yuki") == 200
    assert app.page.evaluate(script, "/api/v1/items/9/image?size=480&of=Yuki") == 0


def test_another_persons_pictures_are_gone_when_somebody_signs_in(app):
    app.start("Yuki").stocked()
    app.page.evaluate("desk.close()")
    app.page.evaluate("import('/js/desk/person.js').then(({signIn}) => signIn('Aoi'))")
    assert app.page.evaluate("caches.keys().then((names) => names.join())").startswith("kaogae-shell-")


def test_a_new_version_waits_while_a_page_is_looked_at(app, service):
    publish(service, "two")
    update(app)
    assert len(caches(app)) == 2
    app.page.evaluate("() => { window.same = true; }")
    app.page.evaluate(f"{REGISTRATION}.then((one) => one.waiting.postMessage('take over'))")
    time.sleep(0.5)
    assert app.page.evaluate(f"{REGISTRATION}.then((one) => one.waiting !== null)")
    assert app.page.evaluate("window.same")
    app.page.goto(f"{app.origin}/")
    assert app.page.title() == "one"


def test_a_new_version_is_there_at_the_next_start_and_the_old_one_is_deleted(app, service):
    publish(service, "two")
    update(app)
    app.page.goto("about:blank")
    time.sleep(0.5)
    app.page.goto(f"{app.origin}/")
    app.page.wait_for_function("() => document.title === 'two'")
    app.eventually("caches.keys().then((names) => names.length === 1)")


def test_a_page_that_nobody_sees_loads_the_new_version(app, service):
    app.page.evaluate("() => { window.same = true; }")
    publish(service, "two")
    update(app)
    app.page.evaluate(LOOK, "hidden")
    app.page.evaluate("() => navigator.serviceWorker.dispatchEvent(new Event('controllerchange'))")
    app.page.wait_for_function("() => !window.same")


def test_votes_are_sent_after_the_page_was_closed(app, service, phone):
    app.start().ready()
    session = phone.new_cdp_session(app.page)
    registrations = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(one["registrationId"] for one in event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    service.fails("drop", "/votes")
    judged = [app.vote() for _ in range(4)]
    app.stored(4).until("!desk.online")
    app.page.goto(f"{app.origin}/")
    service.fails(None)
    assert not service.votes
    session.send(
        "ServiceWorker.dispatchSyncEvent",
        {"origin": app.origin, "registrationId": registrations[-1], "tag": "votes", "lastChance": False},
    )
    deadline = time.monotonic() + 10
    while set(service.standing()) != set(judged):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(service.votes) == 4
    app.start(None).sent()
