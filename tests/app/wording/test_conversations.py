from app.wording.conversations import conversation


def test_a_single_turn_is_shown_without_a_role() -> None:
    assert conversation([{"role": "user", "content": "Hi"}]) == ("", "Hi")


def test_a_long_conversation_is_folded_to_its_last_two_turns() -> None:
    messages = [
        {"role": role, "content": text}
        for role, text in (("user", "one"), ("assistant", "two"), ("user", "three"))
    ]
    earlier, latest = conversation(messages)
    assert "one" in earlier
    assert "two" not in earlier
    assert "two" in latest
    assert "three" in latest
